import type { Command } from 'commander'
import { relaySettings } from '../../config/schemas.ts'
import { reporter } from '../output.ts'
import { openNode, untilStopped } from '../running.ts'
import { settingsCommand } from '../settings-command.ts'

export function relayCommand(): Command {
  return settingsCommand(
    'relay',
    'Run a node that others join the network through.',
    relaySettings,
    async (settings, _args, flags) => {
      await using node = await openNode(settings, { relay: true })
      const addresses = node.network.addresses()
      const report = reporter(flags.json === true)
      report('ready', { peerId: node.network.peerId, addresses }, `relay ${node.network.peerId}`)
      if (flags.json !== true) for (const address of addresses) console.log(`  ${address}`)
      await untilStopped()
    },
  ).option('--json', 'print events as JSON lines')
}
