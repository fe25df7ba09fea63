"""An Elman network that tags the words of a sentence: windows of embeddings, scan, normalized embeddings."""

import json
from collections import OrderedDict

import numpy
import theano
from theano import tensor as T

theano.config.warn.subtensor_merge_bug = False


def contextwin(line, win):
    padded = win // 2 * [-1] + list(line) + win // 2 * [-1]
    return [padded[i:i + win] for i in range(len(line))]


class RNNSLU:
    def __init__(self, nh, nc, ne, de, cs):
        rng = numpy.random.RandomState(345)

        def weights(name, *shape):
            return theano.shared(name=name, value=0.2 * rng.uniform(-1.0, 1.0, shape).astype(theano.config.floatX))

        self.emb = weights("embeddings", ne + 1, de)
        self.wx, self.wh, self.w = weights("wx", de * cs, nh), weights("wh", nh, nh), weights("w", nh, nc)
        self.bh = theano.shared(name="bh", value=numpy.zeros(nh, dtype=theano.config.floatX))
        self.b = theano.shared(name="b", value=numpy.zeros(nc, dtype=theano.config.floatX))
        self.h0 = theano.shared(name="h0", value=numpy.zeros(nh, dtype=theano.config.floatX))
        self.params = [self.emb, self.wx, self.wh, self.w, self.bh, self.b, self.h0]
        idxs = T.imatrix()
        x = self.emb[idxs].reshape((idxs.shape[0], de * cs))
        y_sentence = T.ivector("y_sentence")

        def recurrence(x_t, h_tm1):
            h_t = T.nnet.sigmoid(T.dot(x_t, self.wx) + T.dot(h_tm1, self.wh) + self.bh)
            return [h_t, T.nnet.softmax(T.dot(h_t, self.w) + self.b)]

        [_, s], _ = theano.scan(fn=recurrence, sequences=x, outputs_info=[self.h0, None], n_steps=x.shape[0])
        p_y_given_x_sentence = s[:, 0, :]
        y_pred = T.argmax(p_y_given_x_sentence, axis=1)
        lr = T.scalar("lr")
        sentence_nll = -T.mean(T.log(p_y_given_x_sentence)[T.arange(x.shape[0]), y_sentence])
        sentence_gradients = T.grad(sentence_nll, self.params)
        sentence_updates = OrderedDict((p, p - lr * g) for p, g in zip(self.params, sentence_gradients))
        self.classify = theano.function(inputs=[idxs], outputs=y_pred)
        self.sentence_train = theano.function(
            inputs=[idxs, y_sentence, lr], outputs=sentence_nll, updates=sentence_updates
        )
        length = T.sqrt((self.emb ** 2).sum(axis=1)).dimshuffle(0, "x")
        self.normalize = theano.function(inputs=[], updates={self.emb: self.emb / length})


def main(words=8, epochs=8):
    rng = numpy.random.RandomState(0)
    sentences = [rng.randint(words, size=rng.randint(4, 9)).tolist() for _ in range(30)]
    # A word's tag says whether it is larger than the word before it.
    tags = [[int(b > a) for a, b in zip([0, *s], s)] for s in sentences]
    rnn = RNNSLU(nh=12, nc=2, ne=words, de=6, cs=3)
    costs = []
    for _ in range(epochs):
        losses = []
        for words_, labels in zip(sentences, tags):
            window = numpy.asarray(contextwin(words_, 3)).astype("int32")
            losses.append(rnn.sentence_train(window, numpy.asarray(labels, dtype="int32"), 0.5))
            rnn.normalize()
        costs.append(float(numpy.mean(losses)))
    right = [
        (rnn.classify(numpy.asarray(contextwin(s, 3)).astype("int32")) == t).mean() for s, t in zip(sentences, tags)
    ]
    print(json.dumps({"costs": costs, "right": float(numpy.mean(right))}))


if __name__ == "__main__":
    main()
