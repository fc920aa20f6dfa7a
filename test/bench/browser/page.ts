// Runs in Chromium: what the benchmark may call is on `globalThis.benchPage`. Results are plain JSON.
import type { ConsumerOptions } from '@hanse/node/consumer'
import { type TrustRoots, verifyBundle } from '@hanse/protocol'
import { type FirstSteps, firstSteps } from '../consumer-times.ts'

/** Of a record with its context, about. */
const MESSAGE_BYTES = 300

const benchPage = {
  firstSteps: async (
    options: ConsumerOptions,
    model: string,
    answers: number,
  ): Promise<FirstSteps> => await firstSteps(options, model, answers),

  /** Every check of a bundle, again and again. @returns µs of one */
  verify: (base64: string, trust: TrustRoots, forMs: number): number => {
    const bundle = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    const began = performance.now()
    let done = 0
    while (performance.now() - began < forMs) {
      if (!verifyBundle(bundle, trust).verified) throw new Error('does not verify')
      done++
    }
    return ((performance.now() - began) * 1000) / done
  },

  /** Bare signature checks by WebCrypto, `checks` at a time. @returns µs of so many */
  rawChecks: async (checks: number, forMs: number): Promise<number> => {
    const { subtle } = crypto
    const keys = await subtle.generateKey('Ed25519', false, ['sign', 'verify'])
    const message = new Uint8Array(MESSAGE_BYTES).fill(7)
    if (!('publicKey' in keys)) throw new Error('no pair of keys')
    const { publicKey, privateKey } = keys
    const signature = await subtle.sign('Ed25519', privateKey, message)
    const check = async (): Promise<void> => {
      if (!(await subtle.verify('Ed25519', publicKey, signature, message)))
        throw new Error('does not verify')
    }
    const began = performance.now()
    let done = 0
    while (performance.now() - began < forMs) {
      await Promise.all(Array.from({ length: checks }, check))
      done++
    }
    return ((performance.now() - began) * 1000) / done
  },
}

export type BenchPage = typeof benchPage
Object.assign(globalThis, { benchPage })
