import { TASK_RUN_COLUMNS } from "../runs/columns";
import { TASK_RUNS } from "../runs/kinds";
import { RunList } from "../runs/RunList";

export const TaskRuns = () => <RunList kind={TASK_RUNS} columns={TASK_RUN_COLUMNS} />;
