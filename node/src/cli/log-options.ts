import { HanseError, type Policy, parsePolicy } from '@hanse/protocol'
import { InvalidArgumentError } from 'commander'
import { directorySource } from '../log/directory.ts'
import type { LogSource } from '../log/source.ts'
import { urlSource } from '../log/url.ts'
import { faultOfKeys } from '../log/verify-log.ts'

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** A number in 64 bits without sign. */
export function parseCount(text: string): bigint {
  if (!/^[0-9]{1,20}$/u.test(text) || BigInt(text) >= 2n ** 64n) {
    throw new InvalidArgumentError('a whole number is needed.')
  }
  return BigInt(text)
}

export function usage(why: string): HanseError {
  return new HanseError('HANSE_CONFIG_INVALID', why)
}

/** The log that --dir or --url names, or `undefined` with neither. */
export function sourceOf(dir: string | undefined, url: string | undefined): LogSource | undefined {
  if (dir !== undefined && url !== undefined) throw usage('--dir or --url, not both')
  if (dir !== undefined) return directorySource(dir)
  return url === undefined ? undefined : urlSource(url)
}

/** @throws {HanseError} HANSE_CONFIG_INVALID, which ends in exit code 2, unlike a key that did not sign */
export function checkKeys(vkey: string, witnesses: readonly string[], quorum?: bigint): void {
  const fault = faultOfKeys(vkey, witnesses)
  if (fault !== undefined) throw usage(fault)
  if (quorum !== undefined && quorum > BigInt(witnesses.length)) {
    throw usage(`--quorum ${quorum} of ${witnesses.length} witnesses`)
  }
}

/** Trust in a log with so many of these witnesses; all of them when `quorum` is not given. */
export function policyOf(vkey: string, witnesses: readonly string[], quorum?: bigint): Policy {
  const needed = quorum ?? BigInt(witnesses.length)
  const names = witnesses.map((_, i) => `w${i}`)
  const lines = [
    `log ${vkey}`,
    ...witnesses.map((witness, i) => `witness w${i} ${witness}`),
    ...(needed === 0n ? ['quorum none'] : [`group g ${needed} ${names.join(' ')}`, 'quorum g']),
  ]
  return parsePolicy(lines.join('\n'))
}

/** A folder where no node has logged anything. */
export const noLogIn = (dataDir: string): HanseError =>
  new HanseError(
    'HANSE_LOG_TILE_MISSING',
    `no log in ${dataDir}: a gateway or provider keeps one there (--data-dir)`,
  )
