// The search box: a combobox whose list tells what a text may mean; Enter takes the first, or the one that was gone to.
import { useEffect, useRef, useState } from "preact/hooks";
import { LostError } from "../api";
import { lost } from "../live";
import { go } from "../router";
import { search, type Hit } from "../search";

const TYPING_MS = 180;

interface Found {
  /** The text that these are of. */
  text: string;
  hits: Hit[];
}

const NOTHING: Found = { text: "", hits: [] };

export function SearchBox() {
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const found = useFound(text.trim());
  useEffect(() => setActive(0), [found]);
  const { hits } = found;
  const take = (hit: Hit): void => {
    setOpen(false);
    setText("");
    (document.activeElement as HTMLElement | null)?.blur();
    go(hit.href);
  };
  const onSubmit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const wanted = text.trim();
    if (!wanted) return;
    // Whoever pastes and presses Enter at once need not wait for the list.
    const all = found.text === wanted ? hits : await search(wanted, AbortSignal.timeout(10_000)).catch(() => []);
    const hit = all[found.text === wanted ? active : 0];
    if (hit) take(hit);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") setActive(Math.min(active + 1, hits.length - 1));
    else if (event.key === "ArrowUp") setActive(Math.max(active - 1, 0));
    else if (event.key === "Escape") setOpen(false);
    else return;
    event.preventDefault();
  };
  const isShown = isOpen && text.trim() !== "" && found.text !== "";
  return (
    <form role="search" class="search" onSubmit={(event) => void onSubmit(event)}>
      <input
        type="search"
        id="search"
        role="combobox"
        aria-label="Search by id, name or tag"
        aria-expanded={isShown && hits.length > 0}
        aria-controls="search-hits"
        aria-autocomplete="list"
        aria-activedescendant={isShown && hits[active] ? `hit-${active}` : undefined}
        placeholder="Id, name or tag"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => (setText(event.currentTarget.value), setOpen(true))}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <Hits hits={isShown ? hits : []} active={active} onTake={take} />
      <p role="status" class={isShown && !hits.length ? "panel hits" : "hidden"}>
        {isShown && (hits.length ? `${hits.length} found` : "Nothing has this id.")}
      </p>
    </form>
  );
}

interface HitsProps {
  hits: Hit[];
  active: number;
  onTake: (hit: Hit) => void;
}

function Hits({ hits, active, onTake }: HitsProps) {
  return (
    <ul id="search-hits" role="listbox" aria-label="Found" class={hits.length ? "panel hits" : "hidden"}>
      {hits.map((hit, i) => (
        <li
          role="option"
          id={`hit-${i}`}
          key={`${hit.kind} ${hit.href}`}
          aria-selected={i === active}
          // Before the field loses the focus, and with it the list.
          onMouseDown={(event) => (event.preventDefault(), onTake(hit))}
        >
          <span class="muted">{hit.kind}</span> {hit.text}
        </li>
      ))}
    </ul>
  );
}

/** What is found for a text, once nobody has typed for a moment. */
function useFound(text: string): Found {
  const [found, setFound] = useState(NOTHING);
  const last = useRef("");
  last.current = text;
  useEffect(() => {
    if (!text) return setFound(NOTHING);
    const aborter = new AbortController();
    const timer = setTimeout(() => {
      search(text, aborter.signal)
        .then((hits) => last.current === text && setFound({ text, hits }))
        .catch((error: unknown) => error instanceof LostError && lost());
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      aborter.abort();
    };
  }, [text]);
  return found;
}
