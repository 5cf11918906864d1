// What stands around every page: the header, the navigation, what says that the server is lost, the dialogs of all.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { passwordWanted } from "../api";
import { time } from "../format";
import { connection, tryNow } from "../live";
import { helpIsOpen } from "../shortcuts";
import { useShared } from "../store";
import { nextTheme, theme } from "../theme";
import { KeysHelp } from "./KeysHelp";
import { Password } from "./Password";
import { SearchBox } from "./SearchBox";

export const SECTIONS = [
  ["/", "Now"],
  ["/flow-runs", "Flow runs"],
  ["/task-runs", "Task runs"],
  ["/flows", "Flows"],
  ["/queues", "Queues"],
  ["/limits", "Limits"],
  ["/settings", "Settings"],
] as const;

export function Shell({ path, children }: { path: string; children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="top">
        <a class="brand" href="/">
          Interlock
        </a>
        <Navigation path={path} />
        <SearchBox />
        <button type="button" class="quiet keys-button" aria-label="Keys" title="Keys: ?" onClick={() => helpIsOpen.set(true)}>
          ?
        </button>
        <ThemeSwitch />
      </header>
      <LostBanner />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <PasswordDialog />
      <KeysHelp />
    </>
  );
}

function Navigation({ path }: { path: string }) {
  const isAt = (href: string): boolean => (href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`));
  return (
    <nav aria-label="Pages">
      {SECTIONS.map(([href, name]) => (
        <a href={href} aria-current={isAt(href) ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

function ThemeSwitch() {
  const chosen = useShared(theme);
  return (
    <button type="button" class="quiet" onClick={nextTheme} aria-label={`Colours: ${chosen}. Change`} title={`Colours: ${chosen}`}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d={chosen === "dark" ? "M8 2a6 6 0 0 1 0 12 6 6 0 0 1 0-12" : chosen === "light" ? "" : "M8 2a6 6 0 0 1 0 12Z"} fill="currentColor" />
      </svg>
    </button>
  );
}

/** Says since when the server is lost and when it is asked again; nothing while it is there. */
function LostBanner() {
  const { lostSince, retryAt } = useShared(connection);
  const [, tick] = useState(0);
  useEffect(() => {
    if (!lostSince) return;
    const timer = setInterval(() => tick((x) => x + 1), 1000);
    return () => clearInterval(timer);
  }, [lostSince]);
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  return (
    <div role="status">
      {lostSince && (
        <div class="lost">
          <strong>The server is lost since {time(lostSince.toISOString())}.</strong> What is shown is as it was then.
          <span aria-hidden="true"> Next try in {seconds} s. </span>
          <button type="button" onClick={() => void tryNow()}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}

function PasswordDialog() {
  const wanted = useShared(passwordWanted);
  return wanted && <Password refused={wanted.refused} />;
}
