import type { GatewayControl } from '../gateway/gateway-control.ts'
import { batchesOf } from './batches.ts'
import type { GatewayValues } from './gateway-messages.ts'
import { BATCH_BYTES_MAX, type ControlRequest, type ControlValues } from './messages.ts'

/** Methods that a gateway answers once. */
export type GatewayMethod = Exclude<keyof GatewayValues, 'keys'>
export type GatewayRequest<Method extends keyof GatewayValues> = Extract<
  ControlRequest,
  { method: Method }
>

/** Does what a gateway is asked to. */
export async function answerGateway(
  gateway: GatewayControl,
  asked: GatewayRequest<keyof GatewayValues>,
  tell: <Method extends keyof GatewayValues>(
    method: Method,
    value: ControlValues[Method],
  ) => Promise<void>,
): Promise<void> {
  switch (asked.method) {
    case 'keys':
      for (const keys of batchesOf(gateway.keys(), BATCH_BYTES_MAX)) await tell('keys', keys)
      return
    case 'key-create':
      return await tell('key-create', gateway.createKey(asked.name, asked.terms))
    case 'key-update':
      return await tell('key-update', gateway.updateKey(asked.key, asked.changes, asked.name))
    case 'key-rotate':
      return await tell('key-rotate', gateway.rotateKey(asked.key, asked.graceMs))
    case 'key-revoke':
      return await tell('key-revoke', gateway.revokeKey(asked.key))
    case 'spend-check':
      return await tell('spend-check', gateway.checkSpend())
    case 'basis':
      return await tell('basis', gateway.basis())
    case 'basis-give':
      return await tell('basis-give', gateway.giveBasis(asked.basis, asked.by))
    case 'basis-withdraw':
      return await tell('basis-withdraw', gateway.withdrawBasis(asked.by))
  }
}
