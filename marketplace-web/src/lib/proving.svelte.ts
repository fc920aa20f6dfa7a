import { ApiError } from './api.ts'

/** Whoever is signed in shows once more who they are, while what they wanted waits. */
class Proving {
  asked = $state.raw<{ readonly done: () => void; readonly refused: () => void }>()

  /** Does what wants a proof that is not old: where it is, the person is asked, and it is done again. */
  async fresh<Value>(send: () => Promise<Value>): Promise<Value> {
    try {
      return await send()
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'HANSE_SIGN_IN_AGAIN') throw error
      await this.ask()
      return await send()
    }
  }

  /** @throws {ProofRefused} */
  ask(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.asked = { done: resolve, refused: () => reject(new ProofRefused()) }
    }).finally(() => {
      this.asked = undefined
    })
  }
}

/** The person closed the question who they are: nothing was done, and nothing is wrong. */
export class ProofRefused extends Error {}

export const isRefusedProof = (error: unknown): boolean => error instanceof ProofRefused

export const proving = new Proving()
