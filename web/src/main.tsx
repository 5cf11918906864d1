// Puts the page together: which path shows what, and the start of all that the whole page shares.
import { render, type ComponentType } from "preact";
import { Shell } from "./components/Shell";
import { FlowRun } from "./pages/FlowRun";
import { FlowRuns } from "./pages/FlowRuns";
import { Flows } from "./pages/Flows";
import { Limits } from "./pages/Limits";
import { NotFound } from "./pages/NotFound";
import { Now } from "./pages/Now";
import { Queues } from "./pages/Queues";
import { Settings } from "./pages/Settings";
import { TaskRun } from "./pages/TaskRun";
import { TaskRuns } from "./pages/TaskRuns";
import { match, place, startRouter } from "./router";
import { startShortcuts } from "./shortcuts";
import { useShared } from "./store";
import "./style.css";
import { startTheme } from "./theme";

/** A page is given what its pattern finds in the path: `/flow-runs/:id` gives `id`. */
type Page = ComponentType<{ id: string }>;

const ROUTES: [pattern: string, page: Page][] = [
  ["/", Now],
  ["/task-runs", TaskRuns],
  ["/task-runs/:id", TaskRun],
  ["/flow-runs", FlowRuns],
  ["/flow-runs/:id", FlowRun],
  ["/flows", Flows],
  ["/limits", Limits],
  ["/queues", Queues],
  ["/settings", Settings],
];

function App() {
  const { path } = useShared(place);
  for (const [pattern, Page] of ROUTES) {
    const found = match(pattern, path);
    // A key of the path: another run is another page, with nothing left of the last one.
    if (found) return <Shell path={path}>{<Page key={path} id={found.id ?? ""} />}</Shell>;
  }
  return (
    <Shell path={path}>
      <NotFound />
    </Shell>
  );
}

startTheme();
startRouter();
startShortcuts();
document.addEventListener("DOMContentLoaded", () => render(<App />, document.getElementById("app")!));
