import { resolve } from 'node:path'
import { Command } from 'commander'
import { createNetworkKey } from '../../network/index.ts'

const FILE = 'network.key'

export function networkKeyCommand(): Command {
  return new Command('network-key')
    .description(
      'Make the key of a private network: only nodes that are given the same file can connect.',
    )
    .argument('[file]', 'where to keep it', FILE)
    .action(async (file: string) => {
      const path = resolve(file)
      await createNetworkKey(path)
      console.log(path)
      process.stderr.write(
        'Copy this file to every node of the network, and start each with --network-key <file>.\n',
      )
    })
}
