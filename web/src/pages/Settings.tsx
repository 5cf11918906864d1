import { Heading } from "../components/Page";

export function Settings() {
  return (
    <>
      <Heading title="Settings" />
      
    </>
  );
}
