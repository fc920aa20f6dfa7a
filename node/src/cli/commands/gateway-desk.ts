import type { Command } from 'commander'
import { gatewayConsentCommand } from './gateway-consent.ts'
import { gatewayKeysCommand } from './gateway-keys.ts'
import { gatewaySpendCommand } from './gateway-spend.ts'

/** Puts the commands by which its owner rules a gateway beside running it. */
export function addGatewayDesk(gateway: Command): Command {
  gateway.enablePositionalOptions()
  for (const command of [gatewayKeysCommand(), gatewaySpendCommand(), gatewayConsentCommand()])
    gateway.addCommand(command)
  return gateway
}
