// The dialog that lists the keys.
import { helpIsOpen, KEYS } from "../shortcuts";
import { useShared } from "../store";
import { Dialog } from "./Dialog";

export function KeysHelp() {
  if (!useShared(helpIsOpen)) return null;
  const close = (): void => helpIsOpen.set(false);
  return (
    <Dialog title="Keys" onClose={close}>
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div>
            <dt>
              {keys.map((key) => (
                <kbd>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <div class="actions">
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
