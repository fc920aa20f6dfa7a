import type { Mail } from '../notifications/mailer.ts'

type Letter = Omit<Mail, 'to'>

/** What people are told about their accounts. No mail has anything of what somebody typed into a form, such as a name. */
export const MAILS = {
  verify: (link: string): Letter => ({
    subject: 'Confirm your e-mail address',
    text: `Somebody, hopefully you, has opened an account with this address.

To confirm the address, open this link within 24 hours and type the password that you chose:
${link}

If it was not you, do nothing: without the password the link opens nothing.
`,
  }),

  known: (signIn: string, reset: string): Letter => ({
    subject: 'You have an account already',
    text: `Somebody, hopefully you, wanted to open an account with this address. There is one already.

Sign in: ${signIn}
If you forgot the password: ${reset}

If it was not you, do nothing: nothing has changed.
`,
  }),

  reset: (link: string): Letter => ({
    subject: 'Choose a new password',
    text: `Somebody, hopefully you, forgot the password of the account with this address.

To choose a new one, open this link within an hour:
${link}

It works once, and ends all sessions of the account. If it was not you, do nothing: your password stays as it is.
`,
  }),

  newAddress: (link: string): Letter => ({
    subject: 'Confirm your new e-mail address',
    text: `Somebody, hopefully you, wants this address for their account.

To confirm it, open this link within 24 hours where you are signed in:
${link}

If it was not you, do nothing: nothing changes.
`,
  }),

  moved: (): Letter => ({
    subject: 'Your account has another e-mail address',
    text: `The e-mail address of your account was changed. This is the last mail to this one.

If it was not you, write to the operator of the service at once.
`,
  }),

  erased: (): Letter => ({
    subject: 'Your account was erased',
    text: `Your account was erased, as you asked. This is the last mail.
`,
  }),

  changed: (what: string, reset: string): Letter => ({
    subject: 'Your account has changed',
    text: `${what}

If it was not you, choose a new password at once, which ends all sessions: ${reset}
`,
  }),
}
