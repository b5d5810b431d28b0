/**
 * The bot of the bench `state`: writes without rest, in place as the SDKs do and by renaming, large and small, new files and
 * vanishing ones. Each file says what it holds: `<sha256 of the rest> <round>:<filling>`.
 */
export const STATE_WRITER = `
import hashlib, itertools, os

def whole(n, size):
    body = ('%d:' % n + 'x' * (n * 7919 % size)).encode()
    return hashlib.sha256(body).hexdigest().encode() + b' ' + body

def begin():
    try:
        with open('/state/round', 'rb') as file:
            return int(file.read().split(b' ')[1].split(b':')[0]) + 1
    except FileNotFoundError:
        return 1

def main(bot_id, config):
    os.makedirs('/state/.the0-state', exist_ok=True)
    for n in itertools.count(begin()):
        with open('/state/.the0-state/counter.json', 'wb', buffering=0) as file:
            file.write(whole(n, 2000))
        with open('/state/large.tmp', 'wb') as file:
            file.write(whole(n, 300000))
        os.rename('/state/large.tmp', '/state/large.bin')
        with open('/state/short-%d' % (n % 50), 'wb', buffering=0) as file:
            file.write(whole(n, 100))
        if n % 50 == 0:
            for k in range(0, 50, 3):
                try:
                    os.unlink('/state/short-%d' % k)
                except FileNotFoundError:
                    pass
        with open('/state/round.tmp', 'wb') as file:
            file.write(whole(n, 10))
        os.rename('/state/round.tmp', '/state/round')
`;
