import { FLOW_RUN_COLUMNS } from "../runs/columns";
import { FLOW_RUNS } from "../runs/kinds";
import { RunList } from "../runs/RunList";

export const FlowRuns = () => <RunList kind={FLOW_RUNS} columns={FLOW_RUN_COLUMNS} />;
