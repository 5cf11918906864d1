// What an empty ledger shows: the lines that fill it, with this server's own address.

const FLOW = `from prefect import flow, task

@task
def square(number: int) -> int:
    return number * number

@flow
def first_flow() -> int:
    return sum(square(n) for n in range(10))

if __name__ == "__main__":
    first_flow()
`;

export function FirstSteps({ what = "run" }: { what?: string }) {
  const commands = `pip install prefect\nexport PREFECT_API_URL=${location.origin}/api\npython first_flow.py`;
  return (
    <section class="card first-steps">
      <h2>There is no {what} yet</h2>
      <p>Save a flow as first_flow.py, any flow will do:</p>
      <Lines text={FLOW} label="first_flow.py" />
      <p>Then point Prefect at this server and run it. What it does shows here at once.</p>
      <Lines text={commands} label="Commands" />
    </section>
  );
}

function Lines({ text, label }: { text: string; label: string }) {
  return (
    <div class="copied">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <button type="button" onClick={() => void navigator.clipboard.writeText(text)} aria-label={`Copy: ${label}`}>
        Copy
      </button>
    </div>
  );
}
