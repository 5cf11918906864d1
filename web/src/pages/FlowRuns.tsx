import { Heading } from "../components/Page";

export function FlowRuns() {
  return (
    <>
      <Heading title="Flow runs" />
      
    </>
  );
}
