import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Person } from './person.ts'

/** As long as a person may look for their device. */
const CHALLENGE_MS = 5 * 60_000
/** Telephones, computers, keys on a ring, and their spares. */
export const PASSKEYS_MAX = 20
/** EdDSA, ES256 and RS256 (RFC 9053): what devices that are sold can do. */
const ALGORITHMS = [-8, -7, -257]

type Context = Pick<SettlementContext, 'store' | 'now' | 'publicUrl' | 'webOrigin'>

/** The sites that a passkey is for, and the name that it is bound to. */
function partyOf({ publicUrl, webOrigin }: Context): { rpID: string; origins: string[] } {
  const own = new URL(publicUrl()).origin
  const web = webOrigin ?? own
  return { rpID: new URL(web).hostname, origins: [...new Set([web, own])] }
}

/** What a browser needs to make a passkey that says by itself whose it is. */
export async function passkeyToMake(context: Context, { id, email, name }: Person) {
  const { store, now } = context
  const options = await generateRegistrationOptions({
    rpName: 'Hanse',
    rpID: partyOf(context).rpID,
    userName: email,
    userDisplayName: name,
    userID: Uint8Array.from(Buffer.from(id)),
    attestationType: 'none',
    excludeCredentials: (await store.passkeys(id)).map((passkey) => ({ id: passkey.id })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    timeout: CHALLENGE_MS,
    supportedAlgorithmIDs: ALGORITHMS,
  })
  await store.addChallenge(options.challenge, id, now(), now() + CHALLENGE_MS)
  return options
}

/** Keeps the passkey that was made. @throws {SettlementError} HANSE_PASSKEY_INVALID */
export async function keepPasskey(
  context: Context,
  person: Person,
  name: string,
  response: RegistrationResponseJSON,
): Promise<string> {
  const { store, now } = context
  if ((await store.passkeys(person.id)).length >= PASSKEYS_MAX) {
    throw refusal(`nobody has more than ${PASSKEYS_MAX} passkeys`)
  }
  const { rpID, origins } = partyOf(context)
  const { verified, registrationInfo } = await refusing(() =>
    verifyRegistrationResponse({
      response,
      expectedChallenge: (challenge) => store.takeChallenge(challenge, person.id, now()),
      expectedOrigin: origins,
      expectedRPID: rpID,
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    }),
  )
  if (!verified || registrationInfo === undefined) throw refusal('it is not signed as it should be')
  const { credential, credentialBackedUp } = registrationInfo
  const isNew = await store.addPasskey({
    id: credential.id,
    person: person.id,
    publicKey: Uint8Array.from(credential.publicKey),
    counter: credential.counter,
    transports: credential.transports ?? [],
    name,
    backedUp: credentialBackedUp,
    createdAt: now(),
  })
  if (!isNew) throw refusal('this passkey is somebody’s already')
  return credential.id
}

/** What a browser needs to ask for any passkey of this site: it is not told whose. */
export async function passkeyToUse(context: Context) {
  const { store, now } = context
  const options = await generateAuthenticationOptions({
    rpID: partyOf(context).rpID,
    userVerification: 'required',
    timeout: CHALLENGE_MS,
  })
  await store.addChallenge(options.challenge, null, now(), now() + CHALLENGE_MS)
  return options
}

/** Whose passkey has signed. @throws {SettlementError} HANSE_PASSKEY_INVALID */
export async function personOfPasskey(
  context: Context,
  response: AuthenticationResponseJSON,
): Promise<string> {
  const { store, now } = context
  const passkey = await store.passkey(response.id)
  if (passkey === undefined) throw refusal('nobody here has this passkey')
  const { userHandle } = response.response
  if (userHandle !== undefined && decoded(userHandle) !== passkey.person) {
    throw refusal('it says that it is somebody else’s')
  }
  const { rpID, origins } = partyOf(context)
  const { verified, authenticationInfo } = await refusing(() =>
    verifyAuthenticationResponse({
      response,
      expectedChallenge: (challenge) => store.takeChallenge(challenge, null, now()),
      expectedOrigin: origins,
      expectedRPID: rpID,
      requireUserVerification: true,
      credential: {
        id: passkey.id,
        publicKey: Uint8Array.from(passkey.publicKey),
        counter: passkey.counter,
      },
    }),
  )
  if (!verified) throw refusal('it is not signed as it should be')
  if (!(await store.usePasskey(passkey.id, authenticationInfo.newCounter, now()))) {
    throw refusal('it was used elsewhere in the meantime')
  }
  return passkey.person
}

const decoded = (handle: string): string => Buffer.from(handle, 'base64url').toString('utf8')

/** The library throws what does not fit, as errors of no particular kind. */
async function refusing<Result>(verify: () => Promise<Result>): Promise<Result> {
  try {
    return await verify()
  } catch (cause) {
    if (cause instanceof SettlementError) throw cause
    throw new SettlementError('HANSE_PASSKEY_INVALID', 'this does not answer what was asked', {
      cause,
    })
  }
}

const refusal = (message: string) => new SettlementError('HANSE_PASSKEY_INVALID', message)
