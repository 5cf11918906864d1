import { Heading } from "../components/Page";

export function FlowRun({ id }: { id: string }) {
  return (
    <>
      <Heading title="Flow run" />
      <p>{id}</p>
    </>
  );
}
