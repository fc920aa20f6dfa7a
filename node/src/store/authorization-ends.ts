import {
  type AuthorizationRelease,
  type Named,
  type PicoEuro,
  picoEuro,
  type RevocationList,
  type SignedRecord,
} from '@hanse/protocol'
import { type Database, pack, unpack } from './database.ts'

/** How far this node has read a settlement's revocations. */
export interface RevocationsRead {
  /** Number of the last revocation; ask for those after it. */
  readonly until: bigint
  /** When the last list was signed, ms since 1970; 0 before the first. */
  readonly at: number
  /** Authorizations on it that may not have expired yet. */
  readonly known: number
}

/** What this provider has to do with an authorization, at one moment. */
export interface AuthorizationUse {
  /** Sessions that have not ended. */
  readonly running: number
  /** Ended ones that settlement has not answered for, in Statements that are being signed, too. */
  readonly unsettled: number
}

/** Settlement lets no authorization live longer than a week; this is for one that would. */
const REVOCATION_KEPT_MS = 90 * 86_400_000

/** Why authorizations that have not expired take no more orders: revoked by settlement, or released by this provider. */
export class AuthorizationEnds {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  revocations(issuer: string): RevocationsRead {
    const [row] = this.#db.bigints('select until, at from revocation_list where issuer = ?', issuer)
    const counted = this.#db
      .prepare('select count(*) as known from revocation where issuer = ?')
      .get(issuer)
    return {
      until: typeof row?.until === 'bigint' ? row.until : 0n,
      at: Number(row?.at ?? 0),
      known: Number(counted?.known ?? 0),
    }
  }

  /** Whose revocations were read last. */
  lastIssuer(): string | undefined {
    const row = this.#db
      .prepare('select issuer from revocation_list order by at desc limit 1')
      .get()
    return row === undefined ? undefined : String(row.issuer)
  }

  /** Keeps a list that was verified and goes on where the last one ended. */
  addRevocations({ issuer, until, at, serials }: RevocationList, now: number): void {
    this.#db.durably(() => {
      const add = this.#db.prepare(
        'insert into revocation (issuer, serial, known_at) values (?, ?, ?) on conflict do nothing',
      )
      for (const serial of serials) add.run(issuer, serial, now)
      this.#db
        .prepare(
          `insert into revocation_list (issuer, until, at) values (?, ?, ?)
           on conflict (issuer) do update set until = excluded.until, at = max(at, excluded.at)`,
        )
        .run(issuer, until, at)
      this.#db.prepare('delete from revocation where known_at < ?').run(now - REVOCATION_KEPT_MS)
    })
  }

  isRevoked(issuer: string, serial: bigint): boolean {
    const found = this.#db
      .prepare('select 1 from revocation where issuer = ? and serial = ?')
      .get(issuer, serial)
    return found !== undefined
  }

  isReleased(authorization: string): boolean {
    const found = this.#db
      .prepare('select 1 from authorization_release where authorization = ?')
      .get(authorization)
    return found !== undefined
  }

  /** Authorizations that this provider has served sessions under since `since`, with the time of the last. */
  usedSince(since: number): { authorization: SignedRecord; lastAt: number }[] {
    return this.#db
      .prepare(
        `select r.signed, u.last_at from (
           select authorization, max(coalesce(ended_at, started_at)) as last_at from session
           where started_at >= ? and role = 'provider' and authorization is not null
             and authorization not in (select authorization from authorization_release)
           group by authorization
         ) u join record r on r.cid = u.authorization`,
      )
      .all(since)
      .map((row) => ({ authorization: unpack(row.signed), lastAt: Number(row.last_at) }))
  }

  use(authorization: string): AuthorizationUse {
    const row = this.#db
      .prepare(
        `select count(*) filter (where s.ended_at is null) as running,
           count(*) filter (where o.session is not null and o.refused is null) as unsettled
         from session s left join outbox o using (session)
         where s.authorization = ? and s.role = 'provider'`,
      )
      .get(authorization)
    return { running: Number(row?.running ?? 0), unsettled: Number(row?.unsettled ?? 0) }
  }

  /** From here on no order is taken under the authorization: on the disk before anybody is told. */
  release({ value }: Named<AuthorizationRelease>, signed: SignedRecord): void {
    this.#db.durably(() =>
      this.#db
        .prepare(
          `insert into authorization_release (authorization, settlement, claims, signed) values (?, ?, ?, ?)
           on conflict do nothing`,
        )
        .run(value.authorization.toString(), value.settlement, value.claims, pack(signed)),
    )
  }

  /** Releases that this settlement has neither taken nor refused. */
  untold(
    settlement: string,
    limit: number,
  ): { authorization: string; claims: PicoEuro; signed: SignedRecord }[] {
    return this.#db
      .bigints(
        `select * from authorization_release where settlement = ? and told_at is null and refused is null
         order by authorization limit ?`,
        settlement,
        limit,
      )
      .map((row) => ({
        authorization: String(row.authorization),
        claims: picoEuro(row.claims as bigint),
        signed: unpack(row.signed),
      }))
  }

  told(authorization: string, now: number): void {
    this.#db
      .prepare('update authorization_release set told_at = ? where authorization = ?')
      .run(now, authorization)
  }

  /** Settlement will not have it: the hold comes free when the authorization has expired. */
  refused(authorization: string, code: string): void {
    this.#db
      .prepare('update authorization_release set refused = ? where authorization = ?')
      .run(code, authorization)
  }
}
