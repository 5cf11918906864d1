import { Heading } from "../components/Page";

export function TaskRun({ id }: { id: string }) {
  return (
    <>
      <Heading title="Task run" />
      <p>{id}</p>
    </>
  );
}
