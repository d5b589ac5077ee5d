import { expect, it, vi } from "vitest";
import { itera, startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

interface Answer {
  readonly success: boolean;
  readonly conversationId: string;
  readonly data: Record<string, unknown> & { readonly id: string };
}

/** The names and types of a value, without what it says. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, key === "metadata" ? "metadata" : shapeOf(each)]));
}

it("with --json commands answer what the API answers, while a server runs on the same database", async () => {
  const folder = temporaryFolder();
  const { url } = await startMain({ folder });

  async function api(method: string, path: string, body?: object): Promise<Answer> {
    const sent = body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    return (await (await fetch(`${url}/api/v1${path}`, { method, ...sent })).json()) as Answer;
  }
  async function cli(...args: string[]): Promise<Answer> {
    const { code, stdout, stderr } = await itera([...args, "--json"], { folder });
    expect([args, code, stderr]).toEqual([args, 0, ""]);
    return JSON.parse(stdout) as Answer;
  }

  const metadata = '{"email":"anna@example.com"}';
  const created = await cli("create", "--metadata", metadata);
  const other = await api("POST", "/conversations", { initialContext: { email: "anna@example.com" } });
  expect(shapeOf(created)).toEqual(shapeOf(other));
  expect(created.conversationId).toBe(created.data.id);
  const id = created.conversationId;
  const path = `/conversations/${id}`;
  await api("POST", `${path}/messages`, { role: "user", content: "Ciao" });

  const extended = await cli("extend", id, "--hours", "72");
  expect(shapeOf(extended)).toEqual(shapeOf(await api("PUT", `${path}/extend`, { extensionHours: 72 })));
  // What is done already is answered as it is stored, by whichever door.
  expect(await api("POST", `${path}/complete`)).toEqual(await cli("complete", id));
  expect(await api("POST", `${path}/reopen`)).toEqual(await cli("reopen", id));
  expect(await api("POST", `${path}/hold`, { reason: "caso" })).toEqual(await cli("hold", id, "--reason", "caso"));
  expect(await api("POST", `${path}/release`, { reason: "chiuso" })).toEqual(await cli("release", id, "--reason", "chiuso"));
  expect(await api("DELETE", path)).toEqual(await cli("archive", id));
  expect(await api("DELETE", `${path}?messages=none`)).toEqual(await cli("archive", id, "--messages", "none"));

  // The server passes events on in its own time.
  const events = await vi.waitFor(
    async () => {
      const page = (await api("GET", `${path}/events`)) as unknown as { data: { event: string }[] };
      expect(page.data.map(({ event }) => event).join(" ")).toBe("created extended extended completed held released archived");
      return page.data;
    },
    { timeout: 30_000, interval: 100 },
  );
  const { stdout } = await itera(["events", id, "--json"], { folder });
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object),
  ).toEqual(events);
  expect(await cli("stats")).toEqual(await api("GET", "/analytics"));

  const subject = { key: "email", value: "anna@example.com" };
  expect(await cli("erase-subject", subject.key, subject.value, "--dry-run")).toEqual(
    await api("POST", "/erasures", { ...subject, dryRun: true }),
  );
  const wiped = await cli("archive", id, "--wipe", "--yes");
  expect(wiped.data).toEqual({ id, status: "archived" });
  expect(await api("DELETE", `${path}?preserveData=false`)).toEqual(wiped);
  expect(await api("POST", `${path}/erase`)).toEqual(await cli("erase", id, "--yes"));
  const { data } = await cli("erase-subject", subject.key, subject.value, "--yes").then((answer) => ({ data: shapeOf(answer) }));
  expect(data).toMatchObject({ success: "boolean", receipts: [{ id: "string", messages: "number", receipt: { action: "string" } }] });

  const gone = await itera(["reopen", id, "--json"], { folder });
  const refused = await api("POST", `${path}/reopen`);
  expect(JSON.parse(gone.stderr)).toEqual({ ...refused, requestId: expect.any(String) as string });
  expect(gone.code).toBe(3);
});
