// Saves what a route answers as a file. The route is asked by script, not by a link: it is a POST, perhaps with a password.
import { ApiError, send } from "./api";

/** Asks for `path`, tells how many bytes have come meanwhile, and has the browser save them. */
export async function download(
  path: string,
  body: object,
  name: string,
  progress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const answer = await send("post", path, body, signal);
  if (!answer.ok) throw new ApiError(answer.status, await reason(answer));
  const counted = answer.body!.pipeThrough(counter(progress));
  save(await new Response(counted, { headers: answer.headers }).blob(), name);
}

async function reason(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => ({}))) as { detail?: string };
  return body.detail ?? `The server answered ${answer.status}.`;
}

function counter(progress: (bytes: number) => void): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      progress(bytes);
      controller.enqueue(chunk);
    },
  });
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Not at once: the browser may not have begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
