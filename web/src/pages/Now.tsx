import { Heading } from "../components/Page";

export function Now() {
  return (
    <>
      <Heading title="Now" />
      
    </>
  );
}
