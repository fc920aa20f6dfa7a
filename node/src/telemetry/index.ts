export { GatewayTelemetry, type TracedRequest } from './gateway-telemetry.ts'
export { ProviderTelemetry, type TracedSession } from './provider-telemetry.ts'
export {
  openTelemetry,
  type Telemetry,
  type TelemetryIdentity,
  type TelemetrySettings,
} from './telemetry.ts'
