import { Heading } from "../components/Page";

export function Queues() {
  return (
    <>
      <Heading title="Queues" />
      
    </>
  );
}
