import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startJob, type Job } from "../../src/runtimes/node/job.ts";
import { patientCheck } from "../../src/runtimes/node/patient-check.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const HOUR = 3_600_000;

function job(
  run: () => Promise<unknown>,
  options: { everyMs?: number; firstMs?: number; random?: () => number; errors?: unknown[] } = {},
): Job {
  const { everyMs = 1000, random = () => 0.5, errors = [] } = options;
  return startJob({
    run,
    everyMs,
    random,
    onError: (error) => errors.push(error),
    ...(options.firstMs !== undefined && { firstMs: options.firstMs }),
  });
}

describe("a job", () => {
  it("runs again and again until it is stopped", async () => {
    const run = vi.fn<() => Promise<void>>(async () => {});
    const running = job(run, { firstMs: 10 });
    await vi.advanceTimersByTimeAsync(10);
    expect(run).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(run).toHaveBeenCalledTimes(6);
    await running.stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(run).toHaveBeenCalledTimes(6);
  });

  it("never runs twice at once, however long it takes and however often it is woken", async () => {
    let now = 0;
    let most = 0;
    const running = job(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 3500));
      now--;
    });
    for (let i = 0; i < 50; i++) {
      running.wake();
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(most).toBe(1);
    const stopped = running.stop();
    await vi.advanceTimersByTimeAsync(4000);
    await stopped;
  });

  it("runs once more when it is woken while it runs, and at once when it is woken while it waits", async () => {
    const run = vi.fn<() => Promise<unknown>>(() => new Promise((resolve) => setTimeout(resolve, 100)));
    const running = job(run, { everyMs: HOUR });
    running.wake();
    await vi.advanceTimersByTimeAsync(50);
    expect(run).toHaveBeenCalledTimes(1);
    running.wake();
    running.wake();
    await vi.advanceTimersByTimeAsync(1000);
    expect(run).toHaveBeenCalledTimes(2);
    await running.stop();
  });

  it("survives failures, tells of each, and does not count them as done", async () => {
    const errors: unknown[] = [];
    let fails = true;
    const running = job(
      async () => {
        if (fails) throw new Error("no disk");
      },
      { errors },
    );
    await vi.advanceTimersByTimeAsync(3500);
    expect(errors).toHaveLength(3);
    expect(running.lastDone()).toBeNull();
    fails = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(running.lastDone()).toBe(Date.now() - 500);
    await running.stop();
  });

  it("lets a run that is under way finish before it is stopped", async () => {
    let done = false;
    const running = job(async () => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      done = true;
    });
    await vi.advanceTimersByTimeAsync(1100);
    const stopped = running.stop().then(() => done);
    await vi.advanceTimersByTimeAsync(700);
    expect(await stopped).toBe(true);
  });

  it("keeps off the beat by a tenth at most", async () => {
    for (const [random, gap] of [
      [0, 900],
      [0.999_999, 1099],
    ] as const) {
      const run = vi.fn<() => Promise<void>>(async () => {});
      const running = job(run, { firstMs: 0, random: () => random });
      await vi.advanceTimersByTimeAsync(gap - 1);
      expect(run).toHaveBeenCalledTimes(1);
      await vi.advanceTimersByTimeAsync(2);
      expect(run).toHaveBeenCalledTimes(2);
      await running.stop();
    }
  });

  it("can wait longer than a timer can", async () => {
    const run = vi.fn<() => Promise<void>>(async () => {});
    const running = job(run, { everyMs: 1000 * HOUR });
    await vi.advanceTimersByTimeAsync(999 * HOUR);
    expect(run).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2 * HOUR);
    expect(run).toHaveBeenCalledTimes(1);
    await running.stop();
  });
});

describe("a check of something slow", () => {
  async function answerOf(check: () => Promise<string>, ms: number): Promise<string | undefined> {
    let answer: string | undefined;
    void check().then((value) => (answer = value));
    await vi.advanceTimersByTimeAsync(ms);
    return answer;
  }

  it("answers what it is told when that comes soon", async () => {
    expect(
      await answerOf(
        patientCheck(async () => true, "down"),
        0,
      ),
    ).toBe("ok");
    expect(
      await answerOf(
        patientCheck(async () => false, "degraded"),
        0,
      ),
    ).toBe("degraded");
    expect(
      await answerOf(
        patientCheck(async () => {
          throw new Error("no");
        }, "down"),
        0,
      ),
    ).toBe("down");
  });

  it("answers what was last known within 100 ms when it takes longer, asks once only, and gives up after three seconds", async () => {
    let asked = 0;
    const check = patientCheck(() => new Promise((resolve) => (asked++, setTimeout(() => resolve(true), 10_000))), "down");
    expect(await answerOf(check, 99)).toBe("ok");
    expect(await answerOf(check, 99)).toBe("ok");
    await vi.advanceTimersByTimeAsync(3000);
    expect(await answerOf(check, 99)).toBe("down");
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await answerOf(check, 99)).toBe("ok");
  });
});
