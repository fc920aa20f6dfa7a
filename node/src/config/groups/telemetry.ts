/** Traces and metrics by OpenTelemetry. */
export const telemetryGroup = {} as const
