import { Heading } from "../components/Page";

export function TaskRuns() {
  return (
    <>
      <Heading title="Task runs" />
      
    </>
  );
}
