// The Worker that tests in workerd with PostgreSQL run beside. It answers nothing by itself.

export default {
  fetch(): Response {
    return new Response("This Worker is for tests.", { status: 404 });
  },
};
