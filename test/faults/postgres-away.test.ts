import pg from "pg";
import { describeWith } from "../engines.ts";
import { startPostgresServer } from "../postgres-server.ts";
import { whileAway } from "./engine-away.ts";

const OTHERS = "FROM pg_stat_activity WHERE application_name = 'itera-conversations' AND pid <> pg_backend_pid()";

// That it can be started here is what the engine's presence says.
describeWith("postgresql", "a PostgreSQL under the server", () => {
  whileAway(async () => {
    const server = await startPostgresServer();
    const ask = async (sql: string): Promise<number> => {
      const client = new pg.Client(server.url);
      await client.connect();
      try {
        return Number((await client.query<{ n: string }>(sql)).rows[0]!.n);
      } finally {
        await client.end();
      }
    };
    return {
      engine: {
        ...server,
        cut: async () => void (await ask(`SELECT count(pg_terminate_backend(pid)) AS n ${OTHERS}`)),
        connections: () => ask(`SELECT count(*) AS n ${OTHERS}`),
      },
      env: { DATABASE_URL: server.url },
    };
  });
});
