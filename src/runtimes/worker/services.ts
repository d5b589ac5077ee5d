/** The services of this isolate: requests, cron and sessions share them. */
import { createServices, type Services } from "./service.ts";

/** By bindings and variables. */
export const services: Services = createServices();
