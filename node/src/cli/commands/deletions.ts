import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type DeletionConfirmation, deletionConfirmation } from '@hanse/protocol'
import type { Command } from 'commander'
import { nodeFolderSettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import type { DeletionEntry } from '../../store/deletion-store.ts'
import { NodeStore } from '../../store/node-store.ts'
import { usage } from '../log-options.ts'
import { bigints, table } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

export function deletionsCommand(): Command {
  return settingsCommand(
    'deletions',
    'List what settlement has asked this node to erase, what was erased, and what is kept and why.',
    nodeFolderSettings,
    async (settings, _args, flags) => await Promise.resolve(list(settings, flags)),
  ).option('--json', 'print a JSON object a line, with the signed records in base64')
}

function list(
  { dataDir }: Settings<typeof nodeFolderSettings>,
  flags: Readonly<Record<string, unknown>>,
): void {
  const path = join(dataDir, 'node.db')
  if (!existsSync(path)) throw usage(`--data-dir: no node has its data in ${dataDir}`)
  using store = new NodeStore(path, { readOnly: true })
  const entries = store.deletions.all()
  if (flags.json === true) {
    for (const entry of entries) console.log(JSON.stringify(jsonOf(entry), bigints))
    return
  }
  if (entries.length === 0) console.log('Settlement has asked this node to erase nothing.')
  else console.log(table([HEAD, ...entries.map(lineOf)]))
}

const HEAD = ['REQUEST', 'OF', 'DUE', 'ERASED', 'KEPT', 'TOLD'] as const

function lineOf(entry: DeletionEntry): string[] {
  const { at, dueAt } = entry
  const answer = answerOf(entry)
  return [
    entry.cid,
    dayOf(at),
    dayOf(dueAt),
    answer === undefined ? 'not yet' : countsOf(answer.erased),
    keptText(answer?.kept ?? []),
    toldText(entry),
  ]
}

function toldText({ sequence, told, refused }: DeletionEntry): string {
  if (refused !== undefined) return refused
  return sequence >= 0 && told === sequence ? 'yes' : 'not yet'
}

const keptText = (kept: DeletionConfirmation['kept']): string =>
  kept.length === 0
    ? '-'
    : kept
        .map(({ class: name, count, reason, until }) => {
          const end = until === null ? '' : ` until ${dayOf(until)}`
          return `${count} ${name} (${reason}${end})`
        })
        .join(', ')

const countsOf = (counts: DeletionConfirmation['erased']): string =>
  counts.length === 0
    ? 'nothing was here'
    : counts.map(({ class: name, count }) => `${count} ${name}`).join(', ')

function jsonOf(entry: DeletionEntry): object {
  const { cid, signed, confirmation, erased: _sums, ...rest } = entry
  const answer = answerOf(entry)
  return {
    request: cid,
    ...rest,
    erased: answer?.erased ?? null,
    kept: answer?.kept ?? null,
    refused: entry.refused ?? null,
    signedRequest: signed === undefined ? null : base64(signed.bytes),
    signedConfirmation: confirmation === undefined ? null : base64(confirmation.bytes),
  }
}

const answerOf = ({ confirmation }: DeletionEntry): DeletionConfirmation | undefined =>
  confirmation && deletionConfirmation.decode(confirmation.bytes)

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)
