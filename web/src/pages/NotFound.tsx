import { Heading } from "../components/Page";

export function NotFound() {
  return (
    <>
      <Heading title="There is nothing here" />
      <p>
        Go to <a href="/">Now</a>.
      </p>
    </>
  );
}
