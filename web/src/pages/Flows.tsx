import { Heading } from "../components/Page";

export function Flows() {
  return (
    <>
      <Heading title="Flows" />
      
    </>
  );
}
