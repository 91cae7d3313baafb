import { isInManagedHsm, weaknesses } from '../../../../shared/rotation/key-strength';

const inVault = 'https://kv.vault.azure.net/keys/kek/1';
const inManaged = 'https://hsm.managedhsm.azure.net/keys/kek/1';
const of = (keyType: string, keySize: number, kid = inVault) => ({ kid, keyType, keySize });

test.each([
  ['a key of the same kind', of('RSA', 2048), of('RSA', 2048), 0],
  ['a larger key', of('RSA', 2048), of('RSA', 4096), 0],
  ['a smaller key', of('RSA', 3072), of('RSA', 2048), 1],
  ['a key in an HSM', of('RSA', 2048), of('RSA-HSM', 2048), 0],
  ['a key in software, from an HSM', of('RSA-HSM', 2048), of('RSA', 4096), 1],
  ['a smaller key in an HSM: one does not make up for the other', of('RSA', 4096), of('RSA-HSM', 2048), 1],
  ['a key in a managed HSM, from an HSM', of('RSA-HSM', 3072), of('RSA-HSM', 3072, inManaged), 0],
  ['a key in an HSM, from a managed one', of('RSA-HSM', 3072, inManaged), of('RSA-HSM', 3072), 1],
  ['a smaller key in software, from an HSM', of('RSA-HSM', 3072), of('RSA', 2048), 2],
])('%s: how much is weaker', (_what, from, to, reasons) => {
  expect(weaknesses(from, to)).toHaveLength(reasons);
});

test('what is weaker is said by name, with what to do', () => {
  const [bits, kept] = weaknesses(of('RSA-HSM', 3072), of('RSA', 2048, 'https://kv.vault.azure.net/keys/weak/2'));
  expect(bits?.message).toContain('https://kv.vault.azure.net/keys/weak/2 has 2048 bits');
  expect(kept?.message).toContain('Name a key that is kept in an HSM or a managed one.');
});

test.each([
  ['https://hsm.managedhsm.azure.net/keys/kek', true],
  ['https://hsm.managedhsm.azure.cn/keys/kek', true],
  ['https://managedhsm.vault.azure.net/keys/kek', false],
  ['https://hsm.managedhsm.azure.net.example.org/keys/kek', false],
  ['no key identifier', false],
])('%s is in a managed HSM: %s', (identifier, isOne) => {
  expect(isInManagedHsm(identifier)).toBe(isOne);
});
