// How limits are called: those of tags and of deployments are known by what they limit.
const TAG = "tag:";
const DEPLOYMENT = "deployment:";

/** The tag that a limit is on; null for others. */
export const tagOf = (name: string): string | null => (name.startsWith(TAG) ? name.slice(TAG.length) : null);

export function nameOf(name: string, deployments: Map<string, string>): string {
  const id = name.startsWith(DEPLOYMENT) ? name.slice(DEPLOYMENT.length) : null;
  if (id !== null) return deployments.has(id) ? `deployment ${deployments.get(id)}` : name;
  return tagOf(name) ?? name;
}
