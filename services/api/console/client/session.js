/** Who is logged in, where the console has a login: ends in all tabs at once, says when it has ended, and goes on after another login. */
import { need, setText } from './dom.js';

/** Of all tabs of this browser. */
const channel = new BroadcastChannel('console-session');
const [ENDED, BACK] = ['session-ended', 'session-back'];

const account = document.querySelector('#account');

/** Says that the session has ended: what was typed stays. */
export const endSession = () => {
  if (account !== null) document.dispatchEvent(new Event(ENDED));
};

/** Asks whether it has, after an answer that does not say. */
export const checkSession = async () => {
  if (account === null) return;
  const answer = await fetch('/console/session').catch(() => undefined);
  if (answer?.status === 401) endSession();
};

/** @param {() => void} handle called after a login, such as one in another tab */
export const onSessionBack = (handle) => {
  document.addEventListener(BACK, handle);
  return () => {
    document.removeEventListener(BACK, handle);
  };
};

const logOut = async () => {
  const answer = await fetch('/console/logout', { method: 'POST' }).catch(() => undefined);
  if (answer?.ok !== true) {
    setText(need('#logout', HTMLButtonElement), 'Try again: log out');
    return;
  }
  channel.postMessage({ kind: 'logout' });
  location.assign((await answer.json()).location);
};

/** Wires the header, the notice, and the other tabs. */
export const createSession = () => {
  if (account === null) return;
  const notice = need('#session-ended', HTMLElement);
  const name = need('#account span', HTMLElement);
  need('#logout', HTMLButtonElement).addEventListener('click', () => void logOut());
  document.addEventListener(ENDED, () => {
    notice.hidden = false;
  });
  channel.addEventListener('message', ({ data }) => {
    if (data.kind === 'logout') {
      // Nothing typed holds the page then.
      onbeforeunload = null;
      location.replace('/console/logged-out');
    } else {
      notice.hidden = true;
      setText(name, data.name);
      document.dispatchEvent(new Event(BACK));
    }
  });
  channel.postMessage({ kind: 'login', name: name.textContent });
};
