import type { GatewayMetrics } from '../metrics/gateway-metrics.ts'
import type { RequestRecord } from '../openai/index.ts'
import type { GatewayTelemetry, HttpRequest } from '../telemetry/gateway-telemetry.ts'

/** A request while somebody watches it. */
export interface ObservedRequest {
  /** `traceparent` for the providers that are asked. */
  readonly trace: string | undefined
  /** It was let in, and nothing of it runs any more. */
  ended(record: RequestRecord): void
  /** It was not let in. */
  refused(status: number): void
}

/** Traces and counts requests from the moment they come to the end of their last session. */
export class RequestObserver {
  readonly #metrics: GatewayMetrics | undefined
  readonly #telemetry: GatewayTelemetry | undefined

  constructor(metrics: GatewayMetrics | undefined, telemetry: GatewayTelemetry | undefined) {
    this.#metrics = metrics
    this.#telemetry = telemetry
  }

  begin(request: HttpRequest): ObservedRequest {
    const traced = this.#telemetry?.begin(request)
    this.#metrics?.began()
    const end = (status: number, record?: RequestRecord): void => {
      traced?.end(status, record)
      this.#metrics?.ended(request.kind, status, record)
    }
    return {
      trace: traced?.traceparent ?? request.traceparent,
      ended: (record) => end(record.status, record),
      refused: (status) => end(status),
    }
  }
}

/** Nobody watches; the client's own trace is passed on. */
export const UNOBSERVED = new RequestObserver(undefined, undefined)
