// Asks for the server's password, once it has answered 401.
import { givePassword } from "../api";
import { Dialog } from "./Dialog";

export function Password({ refused }: { refused: boolean }) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    givePassword(String(new FormData(event.target as HTMLFormElement).get("password")));
  };
  return (
    <Dialog title="This server asks for a password">
      <form onSubmit={submit}>
        {refused && (
          <p class="error" role="alert">
            That was not it.
          </p>
        )}
        <label>
          Password
          <input type="password" name="password" required autocomplete="current-password" />
        </label>
        <p class="muted">The text that the server has as INTERLOCK_AUTH_STRING. It is kept until this tab is closed.</p>
        <div class="actions">
          <button type="submit" class="primary">
            Go on
          </button>
        </div>
      </form>
    </Dialog>
  );
}
