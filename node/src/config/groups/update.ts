import * as kinds from '../kinds.ts'

/** How `hanse update` gets a new release. */
export const updateGroup = {
  updateMethod: kinds.oneOf(['git', 'npm', 'binary'], {
    description: 'where a new release comes from: the git checkout, npm, or one signed file',
    fallback: 'git',
  }),
  updateUrl: kinds.optionalUrl({
    description: 'signed list of the newest release’s files (method binary); https, or loopback',
  }),
  updateKey: kinds.logKeys({
    description: 'verifier keys (name+hash+key) whose signature on that list counts',
    fallback: [],
  }),
  updateFile: kinds.optionalText({
    description: 'file that is replaced (method binary); the running program when not given',
    placeholder: '<file>',
  }),
  updateRemote: kinds.text({
    description: 'git remote that releases are fetched from',
    placeholder: '<remote>',
    fallback: 'origin',
  }),
  updateSigners: kinds.optionalText({
    description: 'allowed signers file of ssh-keygen; then only signed tags are installed',
    placeholder: '<file>',
  }),
} as const
