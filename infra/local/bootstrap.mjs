/**
 * The first thing that runs in a fresh clone: `node infra/local/bootstrap.mjs start|test|ops|dev:servers|install [arguments]`.
 * Nothing is installed yet, and Node may be too old to read the other files: so this one keeps to old syntax and loads
 * the rest only after that check.
 */
var OLDEST = '20.19';

/** @param {string} version */
function asNumber(version) {
  var parts = version.split('.').map(Number);
  return Number(parts[0]) * 1000 + Number(parts[1]);
}

if (asNumber(process.versions.node) < asNumber(OLDEST)) {
  process.stderr.write(
    'taskstream: Node ' + process.versions.node + ' is too old: install Node ' + OLDEST + ' or later.\n',
  );
  process.exit(1);
}

import('./bootstrap/main.mjs').then(function (module) {
  return module.main(process.argv.slice(2));
});
