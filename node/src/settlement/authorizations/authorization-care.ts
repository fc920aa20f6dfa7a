import type { Named, SpendAuthorization } from '@hanse/protocol'
import { ReleaseDesk, type ReleaseDeskOptions } from './release-desk.ts'
import {
  type RevocationStatus,
  RevocationWatch,
  type RevocationWatchOptions,
} from './revocation-watch.ts'

export type AuthorizationCareOptions = Omit<ReleaseDeskOptions, 'settlement'> &
  Omit<RevocationWatchOptions, 'store' | 'settlement'> & {
    readonly settlement: RevocationWatchOptions['settlement'] & ReleaseDeskOptions['settlement']
  }

/** Ends authorizations before their time: those that settlement revokes, and those that this provider gives back. */
export class AuthorizationCare implements AsyncDisposable {
  readonly #watch: RevocationWatch
  readonly #releases: ReleaseDesk

  constructor(options: AuthorizationCareOptions) {
    this.#watch = new RevocationWatch({ ...options, store: options.store.ends })
    this.#releases = new ReleaseDesk(options)
  }

  start(): void {
    this.#watch.start()
  }

  /** An order came under an authorization. */
  touch(authorization: Named<SpendAuthorization>): void {
    this.#releases.touch(authorization)
  }

  status(): RevocationStatus {
    return this.#watch.status()
  }

  /** Reads revocations and gives back what can be, now and not at the next round; never rejects. */
  async flush(): Promise<void> {
    await this.#watch.poll()
    await this.#releases.flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]()
    await this.#releases[Symbol.asyncDispose]()
  }
}
