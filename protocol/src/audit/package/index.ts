export { type AuditEntry, auditEntry } from './audit-entry.ts'
export { buildPackage } from './build-package.ts'
export { eventPath } from './check-events.ts'
export { type PackageManifest, packageManifest, packageSigners } from './manifest.ts'
export { CHECKPOINT_PATH, LOG_KEY_PATH, VKEY_PATH } from './package-log.ts'
export {
  isPackage,
  type PackageCheck,
  type PackageReport,
  verifyPackage,
} from './verify-package.ts'
export { PACKAGE_BYTES_MAX, type PackageFile } from './zip.ts'
