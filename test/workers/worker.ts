// The Worker that tests in workerd run beside. It answers nothing by itself; what it exports are the classes of the objects that are bound.

export default {
  fetch(): Response {
    return new Response("This Worker is for tests.", { status: 404 });
  },
};
