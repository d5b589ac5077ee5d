// As the other file: a life over HTTP.

import request from "supertest";
import app from "../src/app.js";

describe("the API", () => {
  let id;

  test("creates", async () => {
    const { status, body } = await request(app)
      .post("/api/v1/conversations")
      .send({ source: "test", initialContext: { test: true } });
    expect(status).toBe(200);
    expect(body.success).toBe(true);
    expect(body.conversationId).toMatch(/^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_[PSD]$/);
    id = body.conversationId;
  });

  test("retrieves", async () => {
    const { status, body } = await request(app).get(`/api/v1/conversations/${id}`);
    expect(status).toBe(200);
    expect(body.success).toBe(true);
    expect(body.data.id).toBe(id);
  });

  test("extends", async () => {
    const { status, body } = await request(app)
      .put(`/api/v1/conversations/${id}/extend`)
      .send({ extensionHours: 48, reason: "complex_issue" });
    expect(status).toBe(200);
    expect(body.success).toBe(true);
    expect(body.extended).toBe(48);
  });

  test("archives", async () => {
    const { status, body } = await request(app)
      .delete(`/api/v1/conversations/${id}`)
      .send({ reason: "test_completed", preserveData: true });
    expect(status).toBe(200);
    expect(body.success).toBe(true);
    expect(body.data.status).toBe("archived");
  });
});
