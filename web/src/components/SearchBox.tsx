// The search box: an id leads to its run, a name or a tag to the runs that have it.
import { go } from "../router";

export function SearchBox() {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = String(new FormData(event.target as HTMLFormElement).get("text")).trim();
    if (text) go(`/task-runs?${new URLSearchParams({ name: text })}`);
  };
  return (
    <form role="search" class="search" onSubmit={submit}>
      <input type="search" name="text" id="search" aria-label="Search" placeholder="Id, name or tag" autocomplete="off" spellcheck={false} />
    </form>
  );
}
