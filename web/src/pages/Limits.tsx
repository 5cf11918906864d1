import { Heading } from "../components/Page";

export function Limits() {
  return (
    <>
      <Heading title="Limits" />
      
    </>
  );
}
