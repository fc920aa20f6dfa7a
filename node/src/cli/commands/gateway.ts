import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { gatewaySettings } from '../../config/schemas.ts'
import { type GatewaySettings, startGateway } from '../../daemon/run-gateway.ts'
import { openNode, untilStopped } from '../../daemon/running.ts'
import type { LawfulBasis } from '../../privacy/lawful-basis.ts'
import { askBasis } from '../../setup/ask-basis.ts'
import { type Reporter, reporter } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

export function gatewayCommand(): Command {
  return settingsCommand(
    'gateway',
    'Run an OpenAI-compatible endpoint that buys inference on the market.',
    gatewaySettings,
    async (settings, _args, flags) => await runGateway(settings, flags.json === true),
  ).option('--json', 'print events as JSON lines')
}

async function runGateway(settings: GatewaySettings, json: boolean): Promise<void> {
  const report = reporter(json)
  await using node = await openNode(settings, { dhtClient: true })
  await using gateway = await startGateway(settings, {
    node,
    onNoBasis: async (basis) => await stateBasis(basis, report, json),
    ...(json && {
      onReceipt: (session, { sequence, inputTokens, outputTokens, amount, final }) =>
        report('receipt', { session, sequence, inputTokens, outputTokens, amount, final }, ''),
    }),
  })
  if (gateway === undefined) return
  const { url, metricsUrl } = gateway
  const { peerId } = node.network
  const lines = [`gateway ${peerId}`, `  OpenAI base URL: ${url}/v1`, `  Ollama host:     ${url}`]
  if (metricsUrl !== undefined) lines.push(`  metrics:         ${metricsUrl}/metrics`)
  const facts = { url, peerId, ...(metricsUrl !== undefined && { metricsUrl }) }
  report('ready', facts, lines.join('\n'))
  await untilStopped()
}

/** In EU mode nothing is processed without a lawful basis; whoever sits there is asked for it. @returns whether to go on */
async function stateBasis(basis: LawfulBasis, report: Reporter, json: boolean): Promise<boolean> {
  if (!json && process.stdin.isTTY === true && process.stdout.isTTY === true) {
    const given = await askBasis()
    if (given !== undefined) basis.give(given, userInfo().username)
    return given !== undefined
  }
  report(
    'consent-required',
    {},
    'Requests are refused until a lawful basis is stated: hanse gateway consent give --basis …, or HANSE_LAWFUL_BASIS; HANSE_EU_AUDIT=false at home.',
  )
  return true
}
