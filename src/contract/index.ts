/** The wire: every route of the API as data, the shapes of bodies and answers, and the OpenAPI document made of them. */
export type { Body, Part } from "./check.ts";
export { createContract, type Contract } from "./contract.ts";
export type { ContractSettings } from "./contract-settings.ts";
export { ERROR_STATUSES } from "./error-statuses.ts";
export { HEALTH_STATUSES, type HealthStatus } from "./health.ts";
export { extensionRule } from "./lifecycle.ts";
export type { Appending } from "./messages.ts";
export { openApiDocument, type OpenApiDocument } from "./openapi.ts";
export { errorCodes, isOpen, type Method, type Route, type Scope } from "./route.ts";
export * as shapes from "./shapes.ts";
