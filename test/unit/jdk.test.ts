import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findJdk, parseJavaMajor } from '../../infra/local/bootstrap/jdk.mjs';

describe('the version of a JDK', () => {
  it.each([
    ['JAVA_VERSION="25.0.1"', 25],
    ['IMPLEMENTOR="Debian"\nJAVA_VERSION="21"\n', 21],
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_402"', 8],
    ['openjdk version "24-ea" 2025-03-18', 24],
    ['command not found', undefined],
  ])('is read from %j', (text, major) => {
    expect(parseJavaMajor(text)).toBe(major);
  });
});

describe('the search for a JDK', () => {
  let root = '';
  const jdk = (name: string, version: string, tools = ['java', 'javac']): string => {
    const home = join(root, name);
    mkdirSync(join(home, 'bin'), { recursive: true });
    for (const tool of tools) writeFileSync(join(home, 'bin', tool), '');
    writeFileSync(join(home, 'release'), `JAVA_VERSION="${version}"\n`);
    return home;
  };
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'taskstream-jdk-'));
  });
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  it('prefers JAVA_HOME, then PATH, then the usual folders', () => {
    const [first, second, third] = [jdk('home', '21'), jdk('path', '22'), jdk('jvm/third', '23')];
    // As the alternatives system does it: /usr/bin/java is a link to a link.
    mkdirSync(join(root, 'bin'));
    symlinkSync(join(second, 'bin/java'), join(root, 'bin/java'));
    const folders = [join(root, 'jvm')];
    const PATH = `/nowhere:${join(root, 'bin')}`;
    expect(findJdk({ JAVA_HOME: first, PATH }, folders).home).toBe(first);
    expect(findJdk({ PATH }, folders).home).toBe(second);
    expect(findJdk({}, folders)).toMatchObject({ home: third, major: 23 });
  });

  it('passes over a JDK that is too old and a runtime without a compiler', () => {
    const old = jdk('old/a-17', '17.0.2');
    jdk('old/b-25-jre', '25', ['java']);
    const good = jdk('old/c-21', '21.0.9');
    expect(findJdk({ JAVA_HOME: old }, [join(root, 'old')]).home).toBe(good);
  });

  it('says what to install when there is none', () => {
    const old = jdk('only/17', '17');
    expect(() => findJdk({ JAVA_HOME: old }, [])).toThrow(/JDK 21 or later, and only Java 17 was found: install one/);
    expect(() => findJdk({}, [])).toThrow(/none was found/);
  });
});
