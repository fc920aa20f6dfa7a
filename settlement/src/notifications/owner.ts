import { type SQL, sql } from 'drizzle-orm'

/** Whose events and channels: an organization's id, or null for the platform's operators. */
export type Owner = string | null

export const ownedBy = (owner: Owner, column: SQL): SQL =>
  owner === null ? sql`${column} is null` : sql`${column} = ${owner}`
