export { GatewayTelemetry, type TracedRequest } from './gateway-telemetry.ts'
export { ProviderTelemetry } from './provider-telemetry.ts'
export {
  openTelemetry,
  type Telemetry,
  type TelemetryIdentity,
  type TelemetrySettings,
} from './telemetry.ts'
